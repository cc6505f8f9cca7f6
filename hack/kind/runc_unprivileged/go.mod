module tradewind.io/hack/kind/runc_unprivileged

go 1.24.0
