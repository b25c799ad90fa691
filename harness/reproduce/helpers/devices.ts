/** Devices: features by their ethtool names, MTU and state, with the errno of each change. */
import type { Helper } from '../helper.ts';
import { die } from './report.ts';

const deviceIoctl: Helper = {
  needs: [die],
  includes: ['errno.h', 'net/if.h', 'stdio.h', 'sys/ioctl.h', 'sys/socket.h', 'unistd.h'],
  code: String.raw`
static int device_ioctl(const char *dev, unsigned long request, struct ifreq *ifr)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret, err;

	if (fd < 0)
		die("socket");
	snprintf(ifr->ifr_name, IFNAMSIZ, "%s", dev);
	ret = ioctl(fd, request, ifr);
	err = errno;
	close(fd);
	errno = err;
	return ret;
}`,
};

export const setMtu: Helper = {
  needs: [deviceIoctl],
  code: String.raw`
static int set_mtu(const char *dev, int mtu)
{
	struct ifreq ifr = { .ifr_mtu = mtu };

	return device_ioctl(dev, SIOCSIFMTU, &ifr);
}`,
};

export const setUp: Helper = {
  needs: [deviceIoctl],
  code: String.raw`
static int set_up(const char *dev, int up)
{
	struct ifreq ifr = { 0 };

	if (device_ioctl(dev, SIOCGIFFLAGS, &ifr))
		return -1;
	ifr.ifr_flags = up ? ifr.ifr_flags | IFF_UP : ifr.ifr_flags & ~IFF_UP;
	return device_ioctl(dev, SIOCSIFFLAGS, &ifr);
}`,
};

/** `set_feature(dev, name, on)`: -1 with EOPNOTSUPP when the device does not do as it is told. */
export const setFeature: Helper = {
  needs: [deviceIoctl],
  includes: ['linux/ethtool.h', 'linux/sockios.h', 'stdlib.h', 'string.h'],
  code: String.raw`
static int ethtool(const char *dev, void *data)
{
	struct ifreq ifr = { .ifr_data = data };

	return device_ioctl(dev, SIOCETHTOOL, &ifr);
}

/* The number of a feature, as ethtool -k names it; -1 when there is none of that name. */
static int feature_number(const char *dev, const char *name, int *count)
{
	struct {
		struct ethtool_sset_info info;
		__u32 count;
	} set = { .info = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << ETH_SS_FEATURES } };
	struct ethtool_gstrings *strings;
	int found = -1, i;

	if (ethtool(dev, &set))
		die("ETHTOOL_GSSET_INFO");
	*count = set.count;
	strings = calloc(1, sizeof(*strings) + (size_t)set.count * ETH_GSTRING_LEN);
	if (!strings)
		die("calloc");
	strings->cmd = ETHTOOL_GSTRINGS;
	strings->string_set = ETH_SS_FEATURES;
	strings->len = set.count;
	if (ethtool(dev, strings))
		die("ETHTOOL_GSTRINGS");
	for (i = 0; i < *count; i++)
		if (!strncmp((char *)strings->data + i * ETH_GSTRING_LEN, name, ETH_GSTRING_LEN))
			found = i;
	free(strings);
	return found;
}

static int feature_active(const char *dev, int number, int count)
{
	struct {
		struct ethtool_gfeatures head;
		struct ethtool_get_features_block block[8];
	} get = { .head = { .cmd = ETHTOOL_GFEATURES, .size = (count + 31) / 32 } };

	if (ethtool(dev, &get))
		die("ETHTOOL_GFEATURES");
	return get.block[number / 32].active >> number % 32 & 1;
}

/* As ethtool -K; a device that does not follow has refused (EOPNOTSUPP). */
static int set_feature(const char *dev, const char *name, int on)
{
	int count, number = feature_number(dev, name, &count);
	struct {
		struct ethtool_sfeatures head;
		struct ethtool_set_features_block block[8];
	} set = { .head = { .cmd = ETHTOOL_SFEATURES, .size = (count + 31) / 32 } };

	if (number >= 0 && feature_active(dev, number, count) != on) {
		set.block[number / 32].valid = 1U << number % 32;
		set.block[number / 32].requested = on ? 1U << number % 32 : 0;
		if (ethtool(dev, &set) < 0)
			return -1;
	}
	if (number >= 0 && feature_active(dev, number, count) == on)
		return 0;
	errno = EOPNOTSUPP;
	return -1;
}`,
};

export const mustFeature: Helper = {
  needs: [setFeature],
  includes: ['stdio.h'],
  code: String.raw`
static void must_feature(const char *dev, const char *name, int on)
{
	printf("+ ethtool -K %s %s %s\n", dev, name, on ? "on" : "off");
	if (set_feature(dev, name, on))
		die(name);
}`,
};

export const awaitCarrier: Helper = {
  needs: [deviceIoctl],
  code: String.raw`
/* Carriers come by a work queue; until then a device drops what it is given. */
static void await_carrier(const char *dev)
{
	struct ifreq ifr = { 0 };
	int left;

	for (left = 5000; left > 0; left--) {
		if (device_ioctl(dev, SIOCGIFFLAGS, &ifr))
			die(dev);
		if (ifr.ifr_flags & IFF_RUNNING)
			break;
		usleep(1000);
	}
	/* That work holds the lock which this call takes: it is through afterwards. */
	if (left == 0 || device_ioctl(dev, SIOCSIFFLAGS, &ifr))
		die(dev);
}`,
};
