"""All tables, for migrations: importing the models registers them."""

from qiatan.infra import answers, nodes, page_files, tries
from qiatan.infra.backup import models as backup
from qiatan.infra.db import Base, steps
from qiatan.modules.accounts import models as accounts
from qiatan.modules.channels import models as channels
from qiatan.modules.conversations import models as conversations
from qiatan.modules.customers import models as customers
from qiatan.modules.files import models as files
from qiatan.modules.onboarding import models as onboarding
from qiatan.modules.pictures import models as pictures
from qiatan.modules.push import models as push
from qiatan.modules.replies import models as replies
from qiatan.modules.routing import models as routing
from qiatan.modules.visitors import models as visitors

MODULES = (accounts, files, pictures, customers, channels, visitors, conversations, routing, replies, onboarding, push)

INFRA = (steps, backup, nodes, tries, answers, page_files)

metadata = Base.metadata
