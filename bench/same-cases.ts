/** udpgso.sh's own cases among ours: its MTU, its device, and no case that only we have. */
export function isSelftestCase(id: string): boolean {
  return (
    /^udp-gso\/table-(loopback|sink|connected)\//.test(id) &&
    /[[,]mtu=1500[,\]]/.test(id) &&
    !/[[,]device=ifb[,\]]/.test(id) &&
    !id.includes('/segmentation-can-be-switched-on')
  );
}
