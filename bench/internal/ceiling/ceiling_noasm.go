//go:build purego || !amd64

package ceiling

var best = generic
