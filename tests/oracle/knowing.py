"""What is known beforehand of mailboxes, replies and visitors: from the tables in the documentation, and from the
operator's files. Every table is read out of its page, so that what the page says is what is tested."""

import hosted
import providers
import reasons
import visitors


class Knowledge:
    def __init__(self, mx_table=None, bounce_rules=None):
        """Paths of the operator's files."""
        self.mx = hosted.read_mx_table(mx_table) if mx_table else {}
        self.rules = (reasons.read_rules(bounce_rules) if bounce_rules else []) + reasons.built_in()
        self._whose, self._hints, self._reasons = {}, {}, {}

    def whose(self, domain):
        """(provider, domain, the domain again if no table names it) of a recipient's domain."""
        if domain not in self._whose:
            self._whose[domain] = self._look_up(domain)
        return self._whose[domain]

    def _look_up(self, domain):
        provider = providers.provider_of(domain)
        name = providers.to_ascii(domain).removesuffix(".")
        if provider != providers.OTHER or not name:
            return provider, domain, None
        if name in self.mx:
            return self.mx[name], domain, None
        return provider, domain, name

    def hint(self, reply, reporting_mta, remote_ip):
        """The provider that one event tells of its recipient's domain, or None."""
        key = reply, reporting_mta, remote_ip
        if key not in self._hints:
            self._hints[key] = hosted.find(reply, reporting_mta, remote_ip)
        return self._hints[key]

    def reason(self, kind, provider, diagnostic, status, action, **facts):
        key = kind, provider, diagnostic, status, action, tuple(facts.values())
        if key not in self._reasons:
            self._reasons[key] = reasons.find(self.rules, kind, provider, diagnostic, status, action, **facts)
        return self._reasons[key]

    @staticmethod
    def agent(kind, user_agent, address):
        return visitors.find(kind, user_agent, address)
