module tradewind.io/hack/kind/pause

go 1.24.0
