"""The kinds of ``tradewind.io/v1alpha1`` as typed models: one source for CRDs, operator, workers and the laptop."""
