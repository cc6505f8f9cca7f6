-- Stands before every kind's health.lua: what the operator's conditions mean to Argo CD.
--
-- Suspended is never said, and Progressing only of what ends by itself: a sync that waits takes no newer commit, and
-- the newer commit may be the remedy. What needs a person is Degraded, what is as asked is Healthy and says how.
local status = obj.status or {}

local function find(of)
  for _, one in ipairs(status.conditions or {}) do
    if one.type == of then return one end
  end
  return {}
end

local function said(one)
  if one.message == nil or one.message == "" then return one.reason or "" end
  return one.message
end

-- What keeps a resource from being as asked, nil where nothing does.
local function trouble()
  local generation = obj.metadata.generation or 0
  if (status.observedGeneration or 0) < generation then
    return {status = "Progressing", message = "the operator has not looked at generation " .. generation .. " yet"}
  end
  for _, one in ipairs({find("Stalled"), find("Contended")}) do
    if one.status == "True" then return {status = "Degraded", message = said(one)} end
  end
  if find("Applied").status == "False" then return {status = "Degraded", message = said(find("Applied"))} end
  for _, one in ipairs({find("Told"), find("Reconciling")}) do
    if one.status == (one.type == "Told" and "False" or "True") then
      return {status = "Progressing", message = said(one)}
    end
  end
  return nil
end

-- Healthy, in the words of Ready, of whatever is told beside it, and of what a person switched off.
local function healthy(beside)
  local message = said(find("Ready"))
  local told = beside or {}
  local off = find("ReconcileDisabled")
  if off.status == "True" then table.insert(told, "the operator writes nothing: " .. said(off)) end
  if off.status == "False" then table.insert(told, said(off)) end
  for _, words in ipairs(told) do message = message .. "; " .. words end
  return {status = "Healthy", message = message}
end
