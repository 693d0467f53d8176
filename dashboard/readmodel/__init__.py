"""What is remembered: rows that are ready to be shown, how events become rows, and what people want written down."""
