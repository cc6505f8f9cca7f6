-- Paused or drained as asked is Healthy, also while the last orders still work; so is halted: somebody wanted it.
local beside = {}
if obj.spec.desiredState == "Paused" or obj.spec.desiredState == "Drained" then
  table.insert(beside, said(find(obj.spec.desiredState)))
end
if status.halted and find("Ready").reason ~= "Halted" then table.insert(beside, "a halt covers it") end
if find("SinksReady").status == "False" then table.insert(beside, "events are not kept: " .. said(find("SinksReady"))) end
if find("UpdatePending").status == "True" then table.insert(beside, said(find("UpdatePending"))) end
return trouble() or healthy(beside)
