// SPDX-License-Identifier: GPL-2.0-or-later
/* inject - write frames, one per line in hex on stdin, to a TUN or TAP device it holds open. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if.h>
#include <linux/if_tun.h>

static int device_open(const char *mode, const char *name)
{
	struct ifreq ifr = { .ifr_flags = IFF_NO_PI };
	int fd, ret;

	if (!strcmp(mode, "tap"))
		ifr.ifr_flags |= IFF_TAP;
	else if (!strcmp(mode, "tun"))
		ifr.ifr_flags |= IFF_TUN;
	else
		return -EINVAL;
	if (strlen(name) >= sizeof(ifr.ifr_name))
		return -ENAMETOOLONG;
	strcpy(ifr.ifr_name, name);

	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, TUNSETIFF, &ifr) < 0) {
		ret = -errno;
		close(fd);
		return ret;
	}
	return fd;
}

/* While any socket asks for time stamps the kernel stamps frames when they arrive; without
 * one each log rule takes the clock again and two readers may see different seconds. */
static int stamp_frames(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMP, &(int){1}, sizeof(int)) < 0)
		return -errno;
	return 0;	/* open until exit */
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *p = c ? strchr(digits, c) : NULL;

	return p ? (int)(p - digits) : -EINVAL;
}

/* Decodes in place: the bytes need half the room of their text. */
static ssize_t hex_decode(char *text, size_t len)
{
	uint8_t *bytes = (uint8_t *)text;

	if (len % 2)
		return -EINVAL;
	for (size_t i = 0; i < len; i += 2) {
		int hi = hex_digit(text[i]), lo = hex_digit(text[i + 1]);

		if (hi < 0 || lo < 0)
			return -EINVAL;
		bytes[i / 2] = hi << 4 | lo;
	}
	return len / 2;
}

static int frame_send(int fd, char *line, size_t line_len)
{
	ssize_t len = hex_decode(line, line_len);

	if (len < 0)
		return len;
	return write(fd, line, len) < 0 ? -errno : 0;
}

int main(int argc, char **argv)
{
	unsigned long line_no = 0, sent = 0, refused = 0;
	char *line = NULL;
	size_t room = 0;
	ssize_t len;
	int fd, ret;

	if (argc != 3) {
		fprintf(stderr, "usage: inject tap|tun NAME\n"
				"An empty line is answered with the counts so far.\n");
		return 2;
	}
	fd = device_open(argv[1], argv[2]);
	if (fd < 0) {
		fprintf(stderr, "inject: cannot open %s device %s: %s\n",
			argv[1], argv[2], strerror(-fd));
		return 1;
	}
	ret = stamp_frames();
	if (ret < 0)
		fprintf(stderr, "inject: cannot ask for time stamps: %s\n", strerror(-ret));

	while ((len = getline(&line, &room, stdin)) > 0) {
		line_no++;
		if (line[len - 1] == '\n')
			len--;
		if (len == 0) {
			printf("sent %lu refused %lu\n", sent, refused);
			fflush(stdout);
			continue;
		}
		ret = frame_send(fd, line, len);
		if (ret < 0) {
			fprintf(stderr, "inject: line %lu: %s\n", line_no, strerror(-ret));
			refused++;
		} else {
			sent++;
		}
	}
	free(line);
	close(fd);
	return 0;
}
