package apigateway

import "strings"

// node is one resource of the path tree.
type node struct {
	methods  map[string]*Route
	literals map[string]*node
	// parameter matches any one part, proxy any number of parts from here on.
	parameter, proxy *node
	name             string // of the parameter or proxy
}

func newTree(routes []Route) *node {
	root := &node{}
	for i := range routes {
		root.add(&routes[i])
	}
	return root
}

func (n *node) add(route *Route) {
	for _, part := range split(route.Path) {
		n = n.child(part)
	}
	if n.methods == nil {
		n.methods = map[string]*Route{}
	}
	n.methods[route.Method] = route
}

func (n *node) child(part string) *node {
	name, isParameter := strings.CutPrefix(part, "{")
	name = strings.TrimSuffix(name, "}")
	switch {
	case !isParameter:
		if n.literals == nil {
			n.literals = map[string]*node{}
		}
		if n.literals[part] == nil {
			n.literals[part] = &node{}
		}
		return n.literals[part]
	case strings.HasSuffix(name, "+"):
		if n.proxy == nil {
			n.proxy = &node{name: strings.TrimSuffix(name, "+")}
		}
		return n.proxy
	default:
		if n.parameter == nil {
			n.parameter = &node{name: name}
		}
		return n.parameter
	}
}

func split(path string) []string {
	path = strings.Trim(path, "/")
	if path == "" {
		return nil
	}
	return strings.Split(path, "/")
}

// find returns the route of the most specific resource for the path: a literal part before a parameter, a parameter
// before a proxy. It is nil when there is none, or when that resource does not have the method.
func (n *node) find(method, path string) (*Route, map[string]string) {
	parameters := map[string]string{}
	found := n.match(split(path), parameters)
	if found == nil {
		return nil, nil
	}
	if route := found.methods[method]; route != nil {
		return route, parameters
	}
	return found.methods["ANY"], parameters
}

func (n *node) match(parts []string, parameters map[string]string) *node {
	if len(parts) == 0 {
		if n.methods == nil {
			return nil
		}
		return n
	}
	if next := n.literals[parts[0]]; next != nil {
		if found := next.match(parts[1:], parameters); found != nil {
			return found
		}
	}
	if n.parameter != nil {
		if found := n.parameter.match(parts[1:], parameters); found != nil {
			parameters[n.parameter.name] = parts[0]
			return found
		}
	}
	if n.proxy != nil {
		parameters[n.proxy.name] = strings.Join(parts, "/")
		return n.proxy
	}
	return nil
}
