/** Frames of the case's own making: out of a device by AF_PACKET, past all sockets, or in by a tap device. */
import type { Helper } from '../helper.ts';
import { payload } from './payload.ts';
import { die } from './report.ts';

export const hardwareAddress: Helper = {
  needs: [die],
  includes: ['net/if.h', 'string.h', 'sys/ioctl.h', 'sys/socket.h', 'unistd.h'],
  code: String.raw`
/* The hardware address of a device in this namespace. */
static void hardware_address(const char *dev, unsigned char *address)
{
	struct ifreq request = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	strncpy(request.ifr_name, dev, sizeof(request.ifr_name) - 1);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &request))
		die("SIOCGIFHWADDR");
	memcpy(address, request.ifr_hwaddr.sa_data, 6);
	close(fd);
}`,
};

const madeFrame: Helper = {
  needs: [payload],
  includes: ['linux/virtio_net.h', 'string.h', 'sys/uio.h'],
  code: String.raw`
/* Headers behind the hardware addresses, then bytes of a send's payload: at most length of all of it. */
static struct iovec *made_frame(struct virtio_net_hdr *vnet, const unsigned char hardware[12],
				const void *headers, int head, int stream, int bytes, int length)
{
	static unsigned char frame[131072];
	static struct iovec iov[2];

	memcpy(frame, hardware, 12);
	memcpy(frame + 12, headers, head);
	memcpy(frame + 12 + head, payload(stream), bytes);
	iov[0] = (struct iovec){ vnet, sizeof(*vnet) };
	iov[1] = (struct iovec){ frame, length };
	return iov;
}`,
};

/** `inject(dev, hardware, vnet, headers, head, stream, bytes, length)` */
export const inject: Helper = {
  needs: [die, madeFrame],
  includes: ['linux/if_packet.h', 'net/if.h', 'sys/socket.h', 'unistd.h'],
  code: String.raw`
static int open_injector(const char *dev)
{
	/* No protocol: it receives nothing, and what it sends is told by the frame's own type. */
	struct sockaddr_ll name = { .sll_family = AF_PACKET, .sll_ifindex = if_nametoindex(dev) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) ||
	    bind(fd, (struct sockaddr *)&name, sizeof(name)))
		die("socket(AF_PACKET)");
	return fd;
}

static long inject(const char *dev, const unsigned char hardware[12], struct virtio_net_hdr vnet,
		   const void *headers, int head, int stream, int bytes, int length)
{
	struct iovec *iov = made_frame(&vnet, hardware, headers, head, stream, bytes, length);
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	int fd = open_injector(dev);
	long ret;

	ret = sendmsg(fd, &msg, 0);
	if (ret >= 0)
		close(fd);
	return ret;
}`,
};

/** `inject_by_tap(tap, hardware, vnet, headers, head, stream, bytes, length)` */
export const injectByTap: Helper = {
  needs: [madeFrame],
  includes: ['sys/uio.h'],
  code: String.raw`
/* The device has it from outside. */
static long inject_by_tap(int tap, const unsigned char hardware[12], struct virtio_net_hdr vnet,
			  const void *headers, int head, int stream, int bytes, int length)
{
	return writev(tap, made_frame(&vnet, hardware, headers, head, stream, bytes, length), 2);
}`,
};
