/** Counters of a namespace. */
import type { Helper } from '../helper.ts';
import { die, fail } from './report.ts';

const counter: Helper = {
  needs: [die],
  includes: ['errno.h', 'stdio.h', 'stdlib.h', 'string.h'],
  code: String.raw`
/* Pairs of lines, names then numbers, both behind the same prefix. */
static long from_table(const char *path, const char *name)
{
	char names[8192], values[8192], *n, *v, *save_n = NULL, *save_v = NULL;
	FILE *file = fopen(path, "r");
	long found = -1;
	size_t prefix;

	while (file && fgets(names, sizeof(names), file) && fgets(values, sizeof(values), file)) {
		prefix = strcspn(names, ":");
		if (strncmp(name, names, prefix))
			continue;
		n = strtok_r(names, " \n", &save_n);
		v = strtok_r(values, " \n", &save_v);
		for (; n && v; n = strtok_r(NULL, " \n", &save_n), v = strtok_r(NULL, " \n", &save_v))
			if (!strcmp(n, name + prefix))
				found = atol(v);
	}
	if (file)
		fclose(file);
	return found;
}

static long from_list(const char *path, const char *name)
{
	FILE *file = fopen(path, "r");
	char key[128];
	long value, found = -1;

	while (file && fscanf(file, "%127s %ld", key, &value) == 2)
		if (!strcmp(key, name))
			found = value;
	if (file)
		fclose(file);
	return found;
}

static long counter(const char *name)
{
	long value = from_table("/proc/self/net/snmp", name);

	if (value < 0)
		value = from_table("/proc/self/net/netstat", name);
	if (value < 0)
		value = from_list("/proc/self/net/snmp6", name);
	errno = ENOENT;
	if (value < 0)
		die(name);
	return value;
}`,
};

/** `expect_counter(name, before, own, want)` */
export const expectCounter: Helper = {
  needs: [counter, fail],
  code: String.raw`
/* How far a counter went up, apart from what end marks did to it. */
static void expect_counter(const char *name, long before, long marks, long want)
{
	long got = counter(name) - before - marks;

	printf("%s +%ld\n", name, got);
	if (got != want)
		fail("expected %s to go up by %ld, got %ld", name, want, got);
}`,
};
