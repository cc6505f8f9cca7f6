local version = status.activeVersion
return trouble() or healthy(version and {"version " .. version} or {})
