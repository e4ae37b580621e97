// What looks at the manifests for Kubernetes. Run by kubernetes.sh.
//
//	kubernetes_check build FOLDER   what kustomize makes of a folder, on standard output
//	kubernetes_check decode         reads such objects from standard input and says what is wrong with them: fields that
//	                                their types do not have, and names and labels that do not meet
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

var wrong int

func fail(format string, arguments ...any) {
	fmt.Printf(format+"\n", arguments...)
	wrong++
}

func newOf(kind string) any {
	switch kind {
	case "v1/Namespace":
		return &core.Namespace{}
	case "v1/ServiceAccount":
		return &core.ServiceAccount{}
	case "v1/Secret":
		return &core.Secret{}
	case "v1/ConfigMap":
		return &core.ConfigMap{}
	case "v1/PersistentVolumeClaim":
		return &core.PersistentVolumeClaim{}
	case "v1/Service":
		return &core.Service{}
	case "apps/v1/Deployment":
		return &apps.Deployment{}
	case "monitoring.coreos.com/v1/ServiceMonitor":
		return &monitoring.ServiceMonitor{}
	case "monitoring.coreos.com/v1/PrometheusRule":
		return &monitoring.PrometheusRule{}
	}
	return nil
}

// What a restricted namespace asks of a pod, and a root that cannot be written.
func checkConfined(name string, spec core.PodSpec) {
	pod := spec.SecurityContext
	if pod == nil || pod.RunAsNonRoot == nil || !*pod.RunAsNonRoot || pod.SeccompProfile == nil ||
		pod.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault {
		fail("%s: runs as root, or without a seccomp profile", name)
	}
	for _, container := range spec.Containers {
		own := container.SecurityContext
		if own == nil || own.AllowPrivilegeEscalation == nil || *own.AllowPrivilegeEscalation ||
			own.ReadOnlyRootFilesystem == nil || !*own.ReadOnlyRootFilesystem || own.Capabilities == nil ||
			len(own.Capabilities.Drop) != 1 || own.Capabilities.Drop[0] != "ALL" || len(own.Capabilities.Add) != 0 {
			fail("%s: %s is not confined", name, container.Name)
		}
		if container.Resources.Limits.Memory().IsZero() || container.Resources.Requests.Memory().IsZero() {
			fail("%s: %s has no limit of memory", name, container.Name)
		}
	}
}

func checkVolumes(name string, spec core.PodSpec, there map[string]bool) {
	volumes := map[string]bool{}
	for _, volume := range spec.Volumes {
		volumes[volume.Name] = true
		switch {
		case volume.ConfigMap != nil && !there["ConfigMap/"+volume.ConfigMap.Name]:
			fail("%s: no ConfigMap %s", name, volume.ConfigMap.Name)
		case volume.Secret != nil && !there["Secret/"+volume.Secret.SecretName]:
			fail("%s: no Secret %s", name, volume.Secret.SecretName)
		case volume.PersistentVolumeClaim != nil && !there["PersistentVolumeClaim/"+volume.PersistentVolumeClaim.ClaimName]:
			fail("%s: no claim %s", name, volume.PersistentVolumeClaim.ClaimName)
		}
	}
	for _, container := range spec.Containers {
		ports := map[string]bool{}
		for _, port := range container.Ports {
			ports[port.Name] = true
		}
		for _, mount := range container.VolumeMounts {
			if !volumes[mount.Name] {
				fail("%s: no volume %s", name, mount.Name)
			}
		}
		for _, probe := range []*core.Probe{container.LivenessProbe, container.ReadinessProbe, container.StartupProbe} {
			if probe != nil && !ports[probe.HTTPGet.Port.StrVal] {
				fail("%s: no port %s", name, probe.HTTPGet.Port.StrVal)
			}
		}
	}
	if !there["ServiceAccount/"+spec.ServiceAccountName] {
		fail("%s: no ServiceAccount %s", name, spec.ServiceAccountName)
	}
}

func build(folder string) ([]byte, error) {
	objects, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		return nil, err
	}
	return objects.AsYaml()
}

func decode(text []byte) {
	there := map[string]bool{}
	var deployments []*apps.Deployment
	var services []*core.Service
	var monitors []*monitoring.ServiceMonitor
	for _, document := range bytes.Split(text, []byte("\n---\n")) {
		var head struct {
			meta.TypeMeta `json:",inline"`
			Metadata      meta.ObjectMeta `json:"metadata"`
		}
		if err := yaml.Unmarshal(document, &head); err != nil {
			fail("%v", err)
			continue
		}
		object := newOf(head.APIVersion + "/" + head.Kind)
		if object == nil {
			fail("%s %s: no such kind is known", head.APIVersion, head.Kind)
			continue
		}
		if err := yaml.UnmarshalStrict(document, object); err != nil {
			fail("%s %s: %v", head.Kind, head.Metadata.Name, err)
		}
		there[head.Kind+"/"+head.Metadata.Name] = true
		fmt.Println("#", head.Kind, head.Metadata.Name)
		switch o := object.(type) {
		case *apps.Deployment:
			deployments = append(deployments, o)
		case *core.Service:
			services = append(services, o)
		case *monitoring.ServiceMonitor:
			monitors = append(monitors, o)
		}
	}
	for _, d := range deployments {
		selector, err := meta.LabelSelectorAsSelector(d.Spec.Selector)
		if err != nil || !selector.Matches(labels.Set(d.Spec.Template.Labels)) {
			fail("%s: its selector does not select its pods", d.Name)
		}
		checkConfined(d.Name, d.Spec.Template.Spec)
		checkVolumes(d.Name, d.Spec.Template.Spec, there)
	}
	for _, s := range services {
		selected := 0
		for _, d := range deployments {
			if labels.SelectorFromSet(s.Spec.Selector).Matches(labels.Set(d.Spec.Template.Labels)) {
				selected++
			}
		}
		if selected != 1 {
			fail("Service %s selects the pods of %d deployments", s.Name, selected)
		}
		for _, m := range monitors {
			selector, _ := meta.LabelSelectorAsSelector(&m.Spec.Selector)
			if !selector.Matches(labels.Set(s.Labels)) {
				fail("ServiceMonitor %s does not select the Service", m.Name)
			}
		}
	}
}

func main() {
	var text []byte
	var err error
	switch {
	case len(os.Args) == 3 && os.Args[1] == "build":
		if text, err = build(os.Args[2]); err == nil {
			_, err = os.Stdout.Write(text)
		}
	case len(os.Args) == 2 && os.Args[1] == "decode":
		if text, err = io.ReadAll(os.Stdin); err == nil {
			decode(text)
		}
	default:
		fmt.Fprintln(os.Stderr, "usage: kubernetes_check build FOLDER | decode")
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if wrong > 0 {
		os.Exit(1)
	}
}
