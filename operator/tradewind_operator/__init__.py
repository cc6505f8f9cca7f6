"""The Kubernetes operator: watches resources, plans what should run for them, and sees that it does."""
