"""The Kubernetes operator; its reconcilers arrive with the operator's own release."""
