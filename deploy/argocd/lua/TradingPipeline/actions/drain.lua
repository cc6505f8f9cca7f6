obj.spec.desiredState = "Drained"
return obj
