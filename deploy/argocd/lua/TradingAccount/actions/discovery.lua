return {halt = {disabled = false, displayName = "Halt", iconClass = "fa fa-fw fa-stop"}}
