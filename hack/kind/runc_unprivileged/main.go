// runc for machines without CAP_SYS_RESOURCE: it takes out of the specification what only that capability may do (the
// capability itself, rlimits, a lowered OOM score), then becomes runc.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

const runc = "/usr/sbin/runc"

func main() {
	if file, inBundle := specification(os.Args[1:]); file != "" {
		if err := soften(file, inBundle); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", file, err)
			os.Exit(1)
		}
	}
	err := syscall.Exec(runc, append([]string{"runc"}, os.Args[1:]...), os.Environ())
	fmt.Fprintf(os.Stderr, "%s: %v; install runc\n", runc, err)
	os.Exit(127)
}

// specification is the file runc is about to read, and whether it is a whole bundle's or one process's.
func specification(arguments []string) (file string, inBundle bool) {
	wanted, short := "", ""
	for i, argument := range arguments {
		if wanted == "" {
			switch argument {
			case "create", "run", "restore":
				wanted, short, file, inBundle = "bundle", "b", "config.json", true
			case "exec":
				wanted, short = "process", "p"
			}
			continue
		}
		name, value, joined := strings.Cut(strings.TrimLeft(argument, "-"), "=")
		if !strings.HasPrefix(argument, "-") || (name != wanted && name != short) {
			continue
		}
		if !joined && i+1 < len(arguments) {
			value = arguments[i+1]
		}
		if inBundle {
			value = filepath.Join(value, "config.json")
		}
		file = value
	}
	return file, inBundle
}

func soften(file string, inBundle bool) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var whole map[string]any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber() // memory limits do not fit a float64
	if err := decoder.Decode(&whole); err != nil {
		return err
	}
	process := whole
	if inBundle {
		process, _ = whole["process"].(map[string]any)
	}
	delete(process, "rlimits")
	delete(process, "oomScoreAdj")
	capabilities, _ := process["capabilities"].(map[string]any)
	for set, names := range capabilities {
		if list, ok := names.([]any); ok {
			capabilities[set] = slices.DeleteFunc(list, func(name any) bool { return name == "CAP_SYS_RESOURCE" })
		}
	}
	out, err := json.Marshal(whole)
	if err != nil {
		return err
	}
	return os.WriteFile(file, out, 0o600)
}
