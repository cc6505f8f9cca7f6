-- A task that has ended is never looked at again, and one that runs may run for hours: no sync waits for either.
local phase = status.phase
if phase == "Succeeded" then return {status = "Healthy", message = said(find("Ready"))} end
if phase == "Failed" then return {status = "Degraded", message = said(find("Ready"))} end
local found = trouble()
if found ~= nil and found.message == said(find("Reconciling")) and phase == "Running" then return healthy() end
return found or healthy()
