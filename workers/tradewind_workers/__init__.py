"""The processes of the data plane: stages, gateway, venues, simulator, sinks."""
