import { BlockList, isIP, isIPv4 } from 'node:net';
import { MillraceError } from '../errors/MillraceError.ts';

/** Which addresses may be connected to. */
export interface AddressRules {
  allows(address: string): boolean;
  /** Whether a URL's host is an address, and one that may not be connected to. Of a name nothing is known yet. */
  refusesHost(hostname: string): boolean;
}

/** Not for the public: IANA's special-purpose registries (RFC 6890 and what came after). */
const special4: readonly (readonly [address: string, bits: number])[] = [
  ['0.0.0.0', 8], ['10.0.0.0', 8], ['100.64.0.0', 10], ['127.0.0.0', 8], ['169.254.0.0', 16], ['172.16.0.0', 12], ['192.0.0.0', 24], ['192.0.2.0', 24],
  ['192.31.196.0', 24], ['192.52.193.0', 24], ['192.88.99.0', 24], ['192.168.0.0', 16], ['192.175.48.0', 24], ['198.18.0.0', 15], ['198.51.100.0', 24],
  ['203.0.113.0', 24], ['224.0.0.0', 4], ['240.0.0.0', 4],
];
/** Of IPv6 only global unicast is public, but for what embeds or stands for other addresses. */
const global6: readonly [string, number] = ['2000::', 3];
const special6: readonly (readonly [address: string, bits: number])[] = [['2001::', 23], ['2001:db8::', 32], ['2002::', 16], ['2620:4f:8000::', 48], ['3fff::', 20]];

/**
 * Lets through public unicast addresses, and those in `allowed`: "10.1.0.0/16", "127.0.0.1".
 * @throws MillraceError BAD_CONFIG
 */
export function createAddressRules(allowed: readonly string[]): AddressRules {
  const special = new BlockList();
  for (const [address, bits] of special4) special.addSubnet(address, bits, 'ipv4');
  for (const [address, bits] of special6) special.addSubnet(address, bits, 'ipv6');
  const global = new BlockList();
  global.addSubnet(...global6, 'ipv6');
  const exempt = new BlockList();
  for (const range of allowed) addRange(exempt, range);

  const allows = (address: string): boolean => {
    // A zone names a link of this machine.
    if (isIP(address) === 0 || address.includes('%')) return false;
    const family = isIPv4(address) ? 'ipv4' : 'ipv6';
    if (exempt.check(address, family)) return true;
    return family === 'ipv4' ? !special.check(address, family) : global.check(address, family) && !special.check(address, family);
  };
  return {
    allows,
    refusesHost(hostname) {
      const bare = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
      return isIP(bare) !== 0 && !allows(bare);
    },
  };
}

/** The rules of a setting: ranges, separated by commas. @throws MillraceError BAD_CONFIG */
export function readAddressRules(setting: string | null): AddressRules {
  return createAddressRules(setting?.split(',').map((range) => range.trim()) ?? []);
}

function addRange(list: BlockList, range: string): void {
  const [address = '', bits] = range.split('/');
  const family = isIP(address);
  const longest = family === 4 ? 32 : 128;
  const length = bits === undefined ? longest : Number(bits);
  if (family === 0 || !Number.isInteger(length) || length < 0 || length > longest) {
    throw new MillraceError('BAD_CONFIG', { at: 'addresses of webhooks', expected: 'ranges such as "10.1.0.0/16"', got: range });
  }
  list.addSubnet(address, length, family === 4 ? 'ipv4' : 'ipv6');
}
