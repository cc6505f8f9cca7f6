"""Pure builders of Kubernetes objects, one file a kind; None means that the object is not wanted."""
