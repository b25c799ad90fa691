/** Tap devices whose other side is the program: include/uapi/linux/if_tun.h. */
import type { Helper } from '../helper.ts';
import { die, skip } from './report.ts';

/** `set_offloads(tap, TUN_F_CSUM | TUN_F_USO4 | TUN_F_USO6)` */
export const setOffloads: Helper = {
  includes: ['linux/if_tun.h', 'sys/ioctl.h'],
  code: String.raw`
/* Say what is welcome from now on: partial checksums, UDP GSO packets. */
static int set_offloads(int tap, unsigned long offloads)
{
	return ioctl(tap, TUNSETOFFLOAD, offloads);
}`,
};

/** `open_tap(name)`: in the namespace that the thread is in; it goes with the descriptor. */
export const openTap: Helper = {
  needs: [die, setOffloads, skip],
  includes: ['errno.h', 'fcntl.h', 'linux/if_tun.h', 'net/if.h', 'stdio.h', 'sys/ioctl.h'],
  code: String.raw`
/* A tap device that hands UDP GSO packets over whole; it is gone when this process is. */
static int open_tap(const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	printf("+ ip tuntap add %s mode tap vnet_hdr\n", name);
	if (fd < 0 && (errno == ENOENT || errno == ENODEV || errno == ENXIO))
		skip("/dev/net/tun: modprobe tun");
	if (fd < 0)
		die("/dev/net/tun");
	snprintf(request.ifr_name, IFNAMSIZ, "%s", name);
	if (ioctl(fd, TUNSETIFF, &request))
		die("TUNSETIFF");
	if (set_offloads(fd, TUN_F_CSUM | TUN_F_USO4 | TUN_F_USO6)) {
		if (errno == EINVAL)
			skip("TUN_F_USO4 and TUN_F_USO6, which came with 6.2");
		die("TUNSETOFFLOAD");
	}
	return fd;
}`,
};
