"""What a run did, as one HTML file and as JSON."""
