/** Steps that put frames on a device past all sockets. */
import { z } from 'zod';
import { endpoint, size, text, word } from './common.ts';
import { expectInject, expectNothing } from './expect.ts';

const beside = { note: text.optional().describe('Why this step.') };

const vnet = z.strictObject({
  flags: size.optional().describe('1: the checksum is to be filled in.'),
  gso_type: size.optional().describe('VIRTIO_NET_HDR_GSO_…; 5 is UDP_L4.'),
  hdr_len: size.optional(),
  gso_size: size.optional(),
  csum_start: size.optional(),
  csum_offset: size.optional(),
});
const frame = z.strictObject({
  version: size.optional().describe('IP version, 0..15.'),
  ihl: size.optional().describe('IPv4 header length in words of 4 bytes, 0..15.'),
  ip_length: size.optional().describe('IPv4 total length, IPv6 payload length.'),
  ip_checksum: size.optional().describe('IPv4; by default right for the other fields.'),
  udp_length: size.optional(),
  udp_checksum: size.optional(),
});
export type FrameYaml = z.infer<typeof frame>;
export type VnetYaml = z.infer<typeof vnet>;

export const injected = {
  inject: z.strictObject({
    inject: z.strictObject({
      by: word
        .optional()
        .describe('`packet` (default): sent out of a device by AF_PACKET; `tap`: comes in by a tap device.'),
      at: endpoint.optional().describe('By default the end the frame is to leave or come in by.'),
      dev: word.optional(),
      bytes: size.describe('UDP payload.'),
      gso: size.optional().describe('A right virtio-net header for segments of this size.'),
      vnet: vnet.optional().describe('Fields of the virtio-net header that are to be otherwise.'),
      frame: frame.optional().describe('Fields of the IP and UDP header that are to be otherwise.'),
      cut: size.optional().describe('Bytes of the frame that are kept, link header included.'),
    }),
    expect: expectInject.optional(),
    ...beside,
  }),
  too_big: z.strictObject({
    too_big: z.strictObject({
      socket: z.string().describe('A bound socket; the message is about what it sends to the receiver.'),
      mtu: size,
      at: endpoint.optional().describe('Who says so, by default the receiver.'),
      port: size.optional().describe('Port it was sent to, by default 9000.'),
    }),
    expect: expectNothing.optional(),
    ...beside,
  }),
} as const;
