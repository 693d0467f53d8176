"""How news reaches browsers: who hears of it, what is read once and encoded once, and who is told."""
