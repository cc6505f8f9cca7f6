"""What two processes must agree on: subjects and streams, and the bytes of a message."""
