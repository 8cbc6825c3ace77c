"""The measures of `./dev bench engine`, one module each, and what they share."""
