"""The report: one HTML page that carries everything inside."""
