-- In force and confirmed is what was asked for: Healthy. One that halts nobody among those who trade is Degraded.
if find("Ready").reason == "Released" or not status.latched then return trouble() or healthy() end
return trouble() or healthy({"in force: " .. (obj.spec.action or "Halt") .. ", " .. obj.spec.reason})
