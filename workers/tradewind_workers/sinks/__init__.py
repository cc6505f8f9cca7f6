"""Where events are kept beside the streams."""
