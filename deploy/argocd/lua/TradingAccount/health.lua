-- A halt is somebody's wish and drift nothing that syncing could mend: both are told, neither is a fault.
local beside = {}
if find("Halted").status == "True" then table.insert(beside, "halted: " .. said(find("Halted"))) end
if find("Drift").status == "True" then table.insert(beside, "balances differ: " .. said(find("Drift"))) end
if find("Accepted").status == "False" then table.insert(beside, "not accepted: " .. said(find("Accepted"))) end
return trouble() or healthy(beside)
