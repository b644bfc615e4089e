"""What is built is right, and works where the repository is not: ``nox -s package``."""
