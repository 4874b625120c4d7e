import { expect, test } from 'vitest';
import { createAddressRules, readAddressRules } from '../../../shared/webhooks/addressRules.ts';
import { makeSubscription } from '../../../shared/webhooks/subscription.ts';

const rules = createAddressRules([]);

test.each([
  '127.0.0.1', '127.255.255.254', '0.0.0.0', '0.1.2.3', '10.0.0.1', '10.255.255.255', '100.64.0.1', '100.127.255.255', '169.254.169.254', '169.254.0.1', '172.16.0.1', '172.31.255.255',
  '192.0.0.1', '192.0.2.1', '192.88.99.1', '192.168.0.1', '192.168.255.255', '198.18.0.1', '198.19.255.255', '198.51.100.1', '203.0.113.1', '224.0.0.1', '239.255.255.250', '240.0.0.1', '255.255.255.255',
  '::', '::1', '::ffff:127.0.0.1', '::ffff:10.0.0.1', '::ffff:8.8.8.8', '::ffff:7f00:1', '::127.0.0.1', '64:ff9b::7f00:1', '64:ff9b:1::1', '100::1', '2001::1', '2001:10::1', '2001:20::1', '2001:db8::1',
  '2002:7f00:1::', '2002:a00:1::1', '3fff::1', 'fc00::1', 'fd00:ec2::254', 'fe80::1', 'fe80::1%eth0', 'fec0::1', 'ff02::1', '5f00::1', '4000::1',
  'localhost', 'example.org', '', '1.2.3', '0x7f.1', '2130706433', ' 8.8.8.8',
])('refuses to connect to %s', (address) => {
  expect(rules.allows(address)).toBe(false);
});

test.each(['8.8.8.8', '1.1.1.1', '9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0', '128.0.0.1', '172.15.255.255', '172.32.0.0', '192.167.255.255', '192.169.0.0', '223.255.255.255', '2606:4700::1111', '2a00:1450:4001::1', '2001:4860:4860::8888'])('connects to %s', (address) => {
  expect(rules.allows(address)).toBe(true);
});

test('connects to what is allowed by name, and to nothing beside it', () => {
  const own = readAddressRules('10.1.0.0/16, 127.0.0.1,fd00::/8');
  for (const address of ['10.1.2.3', '127.0.0.1', 'fd12::1', '8.8.8.8']) expect(own.allows(address), address).toBe(true);
  for (const address of ['10.2.0.1', '127.0.0.2', 'fe80::1', '::1', '169.254.169.254']) expect(own.allows(address), address).toBe(false);
  expect(readAddressRules(null).allows('10.1.2.3')).toBe(false);
});

test.each(['10.0.0.0/33', 'localhost', '10.0.0.0/x', '::1/129'])('does not take %s for a range', (range) => {
  expect(() => createAddressRules([range])).toThrow(/ranges/);
});

test.each([
  ['http://127.0.0.1/', 'an address of this machine'], ['http://2130706433/', 'the same as a number'], ['http://0x7f.1/', 'the same in hex'], ['http://017700000001/', 'the same in octal'], ['http://127.1/', 'the same, shortened'],
  ['http://[::1]/', 'the same in IPv6'], ['http://[::ffff:127.0.0.1]/', 'the same, mapped'], ['http://169.254.169.254/latest/meta-data/', 'a cloud\'s metadata'], ['http://１２７.0.0.1/', 'the same in full-width digits'],
  ['ftp://example.org/', 'another protocol'], ['file:///etc/passwd', 'a file'], ['//example.org', 'no protocol'], ['https://user:secret@example.org/', 'one with a password'], ['https://example.org/' + 'x'.repeat(2048), 'one that is too long'], ['', 'nothing'],
])('%s is not subscribed to: %s', (url) => {
  expect(() => makeSubscription({ url }, rules, 0)).toThrow(expect.objectContaining({ code: 'BAD_WEBHOOK', detail: expect.objectContaining({ fields: [expect.objectContaining({ field: 'body.url' })] }) as unknown }) as Error);
});

test('a subscription that is refused for its address is told the setting that lets it through', () => {
  expect(() => makeSubscription({ url: 'http://127.0.0.1:9/' }, rules, 0)).toThrow(/MILLRACE_WEBHOOKS_ALLOW/);
  expect(() => makeSubscription({ url: 'http://127.0.0.1:9/' }, readAddressRules('127.0.0.1'), 0)).not.toThrow();
});

test('each subscription has a secret of its own', () => {
  const [one, other] = [makeSubscription({ url: 'https://example.org/hook#x' }, rules, 5), makeSubscription({ url: 'https://example.org/hook' }, rules, 5)];
  expect(one.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(one.secret).not.toBe(other.secret);
  expect(one).toMatchObject({ url: 'https://example.org/hook', createdMs: 5, disabledMs: null });
});
