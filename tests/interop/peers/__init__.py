"""Programs that the tests start: servers on other people's libraries, each of a few lines."""
