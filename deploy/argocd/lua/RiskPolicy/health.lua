-- One that selects nothing yet must not hold up the pipelines it will select; an account without limits says so itself.
local found = trouble()
if found ~= nil and found.status == "Degraded" and find("Stalled").reason == "NoTargets" then found = nil end
if obj.spec.mode == "Observe" then return found or healthy({"mode Observe: nothing is denied"}) end
return found or healthy()
