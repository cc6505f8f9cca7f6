"""The local runtime: the same manifests as processes of this machine."""
