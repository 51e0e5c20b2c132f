package device_test

import (
	"fmt"

	"github.com/tandem-compute/tandem/internal/device"
)

func Example() {
	b, why, err := device.Open("cpu", device.Options{})
	if err != nil {
		fmt.Println(why, err)
		return
	}
	defer b.Close()
	fmt.Println(b.Name(), len(why) > 0)
	// Output: cpu true
}
