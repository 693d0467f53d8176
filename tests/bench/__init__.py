"""What the project's promises about speed and size come to on this machine: `make bench`."""
