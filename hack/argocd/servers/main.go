// Argo CD's programs, built from its module, chosen by the name they are started by; and two stand-ins for what is beside them.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/alicebob/miniredis/v2"
	appcontroller "github.com/argoproj/argo-cd/v3/cmd/argocd-application-controller/commands"
	appsets "github.com/argoproj/argo-cd/v3/cmd/argocd-applicationset-controller/commands"
	askpass "github.com/argoproj/argo-cd/v3/cmd/argocd-git-ask-pass/commands"
	reposerver "github.com/argoproj/argo-cd/v3/cmd/argocd-repo-server/commands"
	"github.com/argoproj/argo-cd/v3/util/log"
	"github.com/argoproj/argo-cd/v3/util/lua"
	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/klog/v2"
)

func main() {
	klog.SetLogger(log.NewLogrusLogger(log.NewWithCurrentConfig()))
	programs := map[string]func() *cobra.Command{
		"argocd-application-controller":    appcontroller.NewCommand,
		"argocd-applicationset-controller": appsets.NewCommand,
		"argocd-repo-server":               reposerver.NewCommand,
		"argocd-git-ask-pass":              askpass.NewCommand,
		"argocd-redis":                     redis,
		"argocd-lua":                       scripts,
	}
	program, known := programs[filepath.Base(os.Args[0])]
	if !known {
		fmt.Fprintf(os.Stderr, "%s is none of Argo CD's programs here\n", os.Args[0])
		os.Exit(2)
	}
	if err := program().Execute(); err != nil {
		os.Exit(1)
	}
}

// redis is a cache in memory that speaks Redis' protocol, at the address it is given.
func redis() *cobra.Command {
	return &cobra.Command{Use: "argocd-redis ADDRESS", Args: cobra.ExactArgs(1), RunE: func(_ *cobra.Command, given []string) error {
		if err := miniredis.NewMiniRedis().StartAddr(given[0]); err != nil {
			return err
		}
		select {}
	}}
}

type request struct {
	Do     string         `json:"do"`
	Script string         `json:"script"`
	Object map[string]any `json:"object"`
}

// scripts answers each request on stdin with a line: what Argo CD makes of a script and an object.
func scripts() *cobra.Command {
	return &cobra.Command{Use: "argocd-lua", RunE: func(*cobra.Command, []string) error {
		in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
		for in.More() {
			var asked request
			if err := in.Decode(&asked); err != nil {
				return err
			}
			answer := map[string]any{}
			value, err := run(asked)
			if err != nil {
				answer["error"] = err.Error()
			} else {
				answer["value"] = value
			}
			if err := out.Encode(answer); err != nil {
				return err
			}
		}
		return nil
	}}
}

func run(asked request) (any, error) {
	object := &unstructured.Unstructured{Object: asked.Object}
	vm := lua.VM{}
	switch asked.Do {
	case "health":
		return vm.ExecuteHealthLua(object, asked.Script)
	case "discovery":
		return vm.ExecuteResourceActionDiscovery(object, []string{asked.Script})
	case "action":
		return vm.ExecuteResourceAction(object, asked.Script, nil)
	}
	return nil, fmt.Errorf("do is %q: ask for health, discovery or action", asked.Do)
}
