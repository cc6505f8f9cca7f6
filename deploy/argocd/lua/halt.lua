-- Makes a KillSwitch, which lives outside Git: no sync, self-heal or prune takes it back, only a release does.
-- A halt selects by labels, so it holds for all with the same labels, and for the whole namespace where there are none.
local os = require("os")
local labels, scope = obj.metadata.labels or {}, {namespace = true}
if next(labels) ~= nil then
  scope = {[obj.kind == "TradingAccount" and "accounts" or "pipelines"] = {matchLabels = labels}}
end
local halt = {
  apiVersion = obj.apiVersion,
  kind = "KillSwitch",
  metadata = {name = "halt-" .. os.date("!%Y%m%d%H%M%S"), namespace = obj.metadata.namespace},
  spec = {action = "Halt", scope = scope, reason = "halted in Argo CD, on " .. obj.kind .. " " .. obj.metadata.name},
}
return {{operation = "create", resource = halt}}
