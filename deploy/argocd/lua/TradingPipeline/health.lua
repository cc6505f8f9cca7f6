-- Paused or drained as asked is Healthy, also while the last orders still work; so is halted: somebody wanted it.
local beside = {}
if obj.spec.desiredState == "Paused" or obj.spec.desiredState == "Drained" then
  table.insert(beside, said(find(obj.spec.desiredState)))
end
if status.halted then table.insert(beside, "a KillSwitch is in force") end
if find("UpdatePending").status == "True" then table.insert(beside, said(find("UpdatePending"))) end
return trouble() or healthy(beside)
