//go:build race

package ptx

const raceBuild = true
