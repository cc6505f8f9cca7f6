local wanted = obj.spec.desiredState or "Running"
return {
  pause = {disabled = wanted == "Paused", displayName = "Pause", iconClass = "fa fa-fw fa-pause"},
  resume = {disabled = wanted == "Running", displayName = "Resume", iconClass = "fa fa-fw fa-play"},
  drain = {disabled = wanted == "Drained", displayName = "Drain", iconClass = "fa fa-fw fa-sign-out-alt"},
  halt = {disabled = false, displayName = "Halt", iconClass = "fa fa-fw fa-stop"},
}
