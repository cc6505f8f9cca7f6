// Runs Lua as Argo CD does: the same interpreter, the same few libraries, the same second of patience.
//
// Each line of stdin asks for one run, {"do", "script", "object"}; each line of stdout is its answer, {"value"} or {"error"}.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	lua "github.com/yuin/gopher-lua"
	luajson "layeh.com/gopher-json"
)

type request struct {
	Do     string          `json:"do"`
	Script string          `json:"script"`
	Object json.RawMessage `json:"object"`
}

type answer struct {
	Value json.RawMessage `json:"value,omitempty"`
	Error string          `json:"error,omitempty"`
}

func main() {
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for in.More() {
		var asked request
		if err := in.Decode(&asked); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		var given answer
		if value, err := run(asked); err != nil {
			given.Error = err.Error()
		} else {
			given.Value = value
		}
		if err := out.Encode(given); err != nil {
			os.Exit(1)
		}
	}
}

// run evaluates a script with the object as its global obj; what it returns, as JSON, is the answer.
func run(asked request) (json.RawMessage, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	libraries := map[string]lua.LGFunction{
		lua.LoadLibName: lua.OpenPackage, lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable,
	}
	for _, name := range []string{lua.LoadLibName, lua.BaseLibName, lua.TabLibName} {
		state.Push(state.NewFunction(libraries[name]))
		state.Push(lua.LString(name))
		state.Call(1, 0)
	}
	state.PreloadModule(lua.OsLibName, clock)
	limit, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	state.SetContext(limit)
	object, err := luajson.Decode(state, asked.Object)
	if err != nil {
		return nil, err
	}
	state.SetGlobal("obj", object)
	if err := state.DoString(asked.Script); err != nil {
		return nil, err
	}
	returned := state.Get(-1)
	if returned.Type() != lua.LTTable {
		return nil, errors.New("the script returns " + returned.Type().String() + ": a table is wanted")
	}
	return luajson.Encode(returned)
}

// clock is what Argo CD leaves of the library os: the time, and the date in the one form our scripts ask for.
func clock(state *lua.LState) int {
	state.Push(state.SetFuncs(state.NewTable(), map[string]lua.LGFunction{
		"time": func(l *lua.LState) int {
			l.Push(lua.LNumber(time.Now().Unix()))
			return 1
		},
		"date": func(l *lua.LState) int {
			if form := l.CheckString(1); form != "!%Y%m%d%H%M%S" {
				l.RaiseError("date %s is not known here: use !%%Y%%m%%d%%H%%M%%S", form)
			}
			l.Push(lua.LString(time.Now().UTC().Format("20060102150405")))
			return 1
		},
	}))
	return 1
}
