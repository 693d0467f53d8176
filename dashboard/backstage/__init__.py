"""What runs all the time, each part on a loop of its own: hears services, sends what people want, keeps watch."""
