"""Image encoders: from grey values to features."""
