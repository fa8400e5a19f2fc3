"""What the use cases need from the outside, as Protocols.

The promises that a store makes:

* Every read that a decision rests on is strongly consistent.
* A commit is one transaction: all of it or nothing, only if everything that it rests on is still
  as it was read, and with exactly one audit event per change (R5, R32).
* A commit whose answer is lost is looked up and repeated until it is known to have happened or
  not; when neither can be learned in time, :class:`~licensing.domain.errors.Unavailable` is raised
  and repeating the whole operation is safe.

    secrets        randomness and the server secret
    licenses       licences, and their changes
    machines       what a login and a validation need
    organizations  organizations, and the sweep
    events         histories, and counts over time
"""

from licensing.usecases.ports.events import (
    EventPage,
    EventReader,
    LastSeenPage,
    LicensesPast,
    OrganizationPast,
    RecordedEvent,
    StatisticsReader,
    SummaryReader,
    Witness,
)
from licensing.usecases.ports.licenses import (
    Beside,
    Change,
    Committer,
    LicenseFinder,
    LicenseLister,
    LicensePage,
    LicenseReader,
    Outcome,
    ProofUse,
    RequestStore,
)
from licensing.usecases.ports.machines import (
    LoginStore,
    LoginView,
    MachineReader,
    MachineStore,
    UseStore,
    ValidationStore,
)
from licensing.usecases.ports.organizations import (
    Due,
    NotingStore,
    OrganizationLister,
    OrganizationStore,
    SweepStore,
)
from licensing.usecases.ports.secrets import Entropy, Keyrings

__all__ = [
    "Beside",
    "Change",
    "Committer",
    "Due",
    "Entropy",
    "EventPage",
    "EventReader",
    "Keyrings",
    "LastSeenPage",
    "LicenseFinder",
    "LicenseLister",
    "LicensePage",
    "LicenseReader",
    "LicensesPast",
    "LoginStore",
    "LoginView",
    "MachineReader",
    "MachineStore",
    "NotingStore",
    "OrganizationLister",
    "OrganizationPast",
    "OrganizationStore",
    "Outcome",
    "ProofUse",
    "RecordedEvent",
    "RequestStore",
    "StatisticsReader",
    "SummaryReader",
    "SweepStore",
    "UseStore",
    "ValidationStore",
    "Witness",
]
