/** Private namespaces, and what runs in them. */
import type { Helper } from '../helper.ts';
import { die, skip } from './report.ts';

const writeFile: Helper = {
  includes: ['fcntl.h', 'string.h', 'unistd.h'],
  code: String.raw`
static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	ssize_t ret;

	if (fd < 0)
		return -1;
	ret = write(fd, text, strlen(text));
	close(fd);
	return ret < 0 ? -1 : 0;
}`,
};

/** Root of a user namespace of its own; root itself where these are forbidden. */
export const newUserNamespace: Helper = {
  needs: [die, writeFile],
  includes: ['sched.h', 'stdio.h', 'unistd.h'],
  code: String.raw`
/* Become root of a new user namespace. Where that is forbidden, the real root will do. */
static void new_user_namespace(void)
{
	int uid = geteuid(), gid = getegid();
	char map[32];

	if (unshare(CLONE_NEWUSER)) {
		if (uid)
			die("unshare(CLONE_NEWUSER), try as root");
		return;
	}
	write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %d 1", uid);
	if (write_file("/proc/self/uid_map", map))
		die("/proc/self/uid_map");
	snprintf(map, sizeof(map), "0 %d 1", gid);
	if (write_file("/proc/self/gid_map", map))
		die("/proc/self/gid_map");
}`,
};

export const oneCpu: Helper = {
  needs: [die],
  includes: ['sched.h'],
  code: String.raw`
/* The backlog of one CPU keeps its order, that of several does not. */
static void stay_on_one_cpu(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		die("sched_setaffinity");
}`,
};

export const writeSysctl: Helper = {
  needs: [writeFile],
  includes: ['stdio.h'],
  code: String.raw`
static int write_sysctl(const char *key, const char *value)
{
	char path[256];

	snprintf(path, sizeof(path), "/proc/sys/%s", key);
	return write_file(path, value);
}`,
};

export const newNamespace: Helper = {
  needs: [die, writeSysctl],
  includes: ['fcntl.h', 'sched.h', 'stdio.h'],
  code: String.raw`
/* What IPv6 sends on its own account must not get into counters and captures. */
static void quiet_ipv6(void)
{
	static const char *const scopes[] = { "all", "default", "lo" };
	static const char *const off[] = { "accept_ra", "router_solicitations", "accept_dad" };
	char key[96];
	int i, j;

	for (i = 0; i < 3; i++) {
		snprintf(key, sizeof(key), "net/ipv6/conf/%s/addr_gen_mode", scopes[i]);
		write_sysctl(key, "1");
		for (j = 0; j < 3; j++) {
			snprintf(key, sizeof(key), "net/ipv6/conf/%s/%s", scopes[i], off[j]);
			write_sysctl(key, "0");
		}
	}
}

/* Enter a new, empty network namespace. */
static int new_namespace(void)
{
	int fd;

	if (unshare(CLONE_NEWNET))
		die("unshare(CLONE_NEWNET)");
	fd = open("/proc/self/ns/net", O_RDONLY);
	if (fd < 0)
		die("/proc/self/ns/net");
	quiet_ipv6();
	return fd;
}`,
};

export const enter: Helper = {
  needs: [die],
  includes: ['sched.h'],
  code: String.raw`
static void enter(int ns)
{
	if (setns(ns, CLONE_NEWNET))
		die("setns");
}`,
};

/** `run("ip link set lo up")`: its exit status; words are split at spaces, `""` is an empty one, no shell is involved. */
export const run: Helper = {
  needs: [die],
  includes: ['stdio.h', 'string.h', 'sys/wait.h', 'unistd.h'],
  code: String.raw`
/* Run a command without a shell; "" stands for an empty word. Its exit status. */
static int run(const char *command)
{
	char words[512], *argv[64], *save = NULL;
	int argc = 0, status;
	pid_t pid;

	printf("+ %s\n", command);
	snprintf(words, sizeof(words), "%s", command);
	argv[0] = strtok_r(words, " ", &save);
	while (argv[argc] && argc < 63) {
		if (!strcmp(argv[argc], "\"\""))
			argv[argc] = "";
		argv[++argc] = strtok_r(NULL, " ", &save);
	}
	argv[argc] = NULL;
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		execvp(argv[0], argv);
		perror(argv[0]);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) < 0)
		die("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}`,
};

export const must: Helper = {
  needs: [run],
  includes: ['stdio.h', 'stdlib.h'],
  code: String.raw`
static void must(const char *command)
{
	if (!run(command))
		return;
	fprintf(stderr, "ERROR: %s\n", command);
	exit(2);
}`,
};

export const mustOrSkip: Helper = {
  needs: [run, skip],
  includes: ['stdio.h', 'stdlib.h'],
  code: String.raw`
/* As must(), for what a kernel may be built without. */
static void must_or_skip(const char *command)
{
	int status = run(command);

	if (status == 127)
		exit(2);
	if (status)
		skip(command);
}`,
};

export const awaitAddress: Helper = {
  needs: [die],
  includes: ['arpa/inet.h', 'sched.h', 'stdio.h', 'string.h'],
  code: String.raw`
/* The kernel adds the local route of an IPv6 address a little later, in a work queue. */
static void await_address(const char *text)
{
	char line[256], key[33], to[33];
	unsigned char address[16];
	unsigned int flags;
	int found = 0, i;
	FILE *routes;

	inet_pton(AF_INET6, text, address);
	for (i = 0; i < 16; i++)
		sprintf(key + 2 * i, "%02x", address[i]);
	while (!found) {
		routes = fopen("/proc/self/net/ipv6_route", "r");
		if (!routes)
			die("/proc/self/net/ipv6_route");
		while (fgets(line, sizeof(line), routes))
			if (sscanf(line, "%32s %*s %*s %*s %*s %*s %*s %*s %x", to, &flags) == 2 &&
			    flags & 0x80000000 && !strcmp(to, key))
				found = 1;
		fclose(routes);
		sched_yield();
	}
}`,
};

export const needSocket: Helper = {
  needs: [skip],
  includes: ['sys/socket.h', 'unistd.h'],
  code: String.raw`
static void need_socket(int family, int protocol, const char *what)
{
	int fd = socket(family, SOCK_DGRAM, protocol);

	if (fd < 0)
		skip(what);
	close(fd);
}`,
};
