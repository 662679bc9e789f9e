"""What several test modules build their cases from; fixtures are in `conftest`."""
